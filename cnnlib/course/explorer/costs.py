"""The costs that the views "bars" and "stages" show; `costs.js` draws them."""

COSTS = {"params": "parameters", "macs": "MACs", "output_bytes": "output bytes"}  # key of a row -> heading
