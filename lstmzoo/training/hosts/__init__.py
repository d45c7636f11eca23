"""Training of one model by several processes: how they meet, agree, and notice that one of them has gone.

Read `meeting` (all come to the leader), `exchange` (it sends config, checkpoint and clock), `team` (decisions that all
make alike), `peers` (who has gone, and who leaves when), `line` (messages and beats between two).
"""
