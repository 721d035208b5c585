"""The classical analysis of Thompson, Greenewald, Lee and Manso (2020), redone."""
