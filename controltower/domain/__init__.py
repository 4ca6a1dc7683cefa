"""Pure rules about facts and journeys: standard library only, no clock, no input or output."""
