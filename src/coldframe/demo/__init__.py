"""The demonstration: a real shop's two years of orders, shipped with the project, and the steps from them to a page.

Owns the shipped files, how they were made from the published ones, and the order of the steps. Never trains, ranks or
serves by itself: it calls the rooms that do.
"""
