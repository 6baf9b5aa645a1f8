"""What a run is and how it moves: states (pure), transitions (one transaction each), submission, parameters."""
