"""What a person gets to see of a document, a run or a prediction: metrics, tables, pictures and files."""
