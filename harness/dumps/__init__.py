"""Dumps of msprobe: what it recorded of the cells of a MindSpore model, or of the modules of a torch one."""
