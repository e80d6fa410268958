"""What `python3 -m todomvc` runs of the installed package, and `python3 todomvc.pyz` of the archive."""

from todomvc import main

main()
