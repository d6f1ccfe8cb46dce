"""Why a case drifted: the environment, its inputs, its random draws, then the first step that moved."""
