from wct.experiments import main

main()
