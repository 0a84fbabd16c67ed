"""The stage report: a module of a name with each kind of study, and the figures that they draw."""
