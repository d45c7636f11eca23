"""Facts about this machine and installation, and a test that it computes correctly (`python -m lstmzoo.doctor`).

Read `checks` (lines of facts and checks), `installed` (packages), `host` (machine and places), `self_test` (echo
against its loss floor, in a process of its own).
"""
