"""How a run is shown without the dashboard: bars, plain lines, or its events as JSON. `choose` picks the face."""
