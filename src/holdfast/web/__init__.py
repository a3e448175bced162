"""Pages and problems over HTTP: rendering, words in two languages, forms, files. Knows no inventory."""
