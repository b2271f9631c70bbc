"""May this bundle serve?"""
