"""The only writer of credits. (Written by its own author.)"""
