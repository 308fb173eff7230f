"""Line-aware readers for CSV, XLSX and YAML: nearest spelling, and all mistakes of a file at once."""
