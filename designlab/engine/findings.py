"""Lists chosen among what runs found."""

from samplers import api

pick = api.pick
