"""Reports of campaigns and reviews: one document, written as a self-contained HTML file and as PDF."""
