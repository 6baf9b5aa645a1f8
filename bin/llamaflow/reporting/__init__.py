"""The report of a run: strings, numbers, charts, view, the page and the closing text. Pure: reads no files but its template."""
