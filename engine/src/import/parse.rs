//! Reads a CSV or JSON file of devices into rows.
