"""What a worker's interpreter runs first: code that an execnet gateway sends."""

# Receives (the folder of this package, settings) and loads the package from there, under any interpreter:
# what is installed there under its name is another version, or nothing.
LOAD_HARNESS = """
import importlib.util, sys
package, settings = channel.receive()
spec = importlib.util.spec_from_file_location(
    "harness", package + "/__init__.py", submodule_search_locations=[package])
module = importlib.util.module_from_spec(spec)
sys.modules["harness"] = module
spec.loader.exec_module(module)
"""
