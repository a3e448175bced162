"""Health, metrics, doctor: how the installation is doing, by figures that can be checked."""
