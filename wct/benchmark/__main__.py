from wct.benchmark import main

main()
