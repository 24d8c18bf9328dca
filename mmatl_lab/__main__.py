"""`python -m mmatl_lab` is `mmatl-lab`, also under torchrun."""

from mmatl_lab.cli import main

if __name__ == "__main__":
    main()
