"""MMATL: adversarial alignment, transfer and robustness for any number of modalities, tested claim by claim."""
