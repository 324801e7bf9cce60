"""Random programs: eager against compiled, modes of differentiation against each other."""
