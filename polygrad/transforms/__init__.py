"""Transforms: functions of functions, over pytrees, nested to any order."""
