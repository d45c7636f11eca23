"""What is installed and found on this machine, and whether it computes rightly (`python -m lstmzoo.doctor`).

Read `checks` (lines of facts and checks), `installed` (packages), `host` (machine and places), `self_test` (echo
against its loss floor, in a process of its own).
"""
