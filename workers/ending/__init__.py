"""How transfers end: receipts, causes, the report and the closing, at both servers."""
