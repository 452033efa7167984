"""The explorer: a full screen to try layers on, with the answer, the picture and the design beside them."""
