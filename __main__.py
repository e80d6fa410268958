"""What `python3 -m todomvc` runs of the installed package, and `python3 todomvc.pyz` of the archive."""

from todomvc_server import main

main()
