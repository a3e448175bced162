"""The pages that belong to no single feature: today, the stock list, the page of a SKU, search."""
