"""Benchmarks of Ironguest against the same work done by hand with bare QEMU. Nothing asserts a time."""
