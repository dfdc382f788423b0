"""The methods that are compared, by the names they have in the tables."""

LITERAL = " (paper)"  # marks a form as the paper prints it


def options(name):
    """Keywords for the functions of wct.sqrtm and the layers of wct.nn."""
    method, literal, _ = name.partition(LITERAL)
    return {"method": method, "scaling": "frobenius"} if literal else {"method": method}
