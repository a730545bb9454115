#!/usr/bin/env python3
"""k3s-uninstall.sh, as far as the phase asks it: see ../system.py."""
import os, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), ".."))
from machine import main
from system import TOOLS

main(TOOLS["k3s-uninstall.sh"])
