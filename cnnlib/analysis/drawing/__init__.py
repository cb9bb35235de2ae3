"""How an anatomy is shown: tables, and diagrams as pictures and in words."""
