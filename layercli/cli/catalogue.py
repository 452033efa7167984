"""What the first screens, the completion and the group of commands all list: the verbs and the first examples."""

VERBS = {
    "run": 'A chain of layers: run "conv2d 8 k=5 | relu" -i 1,3,16,16',
    "batch": "JSON Lines in, JSON Lines out",
    "solve": "Settings that give what you want: solve maxpool2d -i 1,64,32,32 --want half",
    "sweep": "Every combination of values: sweep conv2d 16/32 k=1/3/5 -i 1,3,32,32",
    "compare": 'Designs side by side: compare "conv2d k=5 d=2" "conv2d k=9"',
    "suggest": "Other layers in the place of these: suggest conv2d 64 7 p=3 -i 1,64,56,56",
    "explain": "A layer with its picture, a topic, or a note: explain conv2d k=5",
    "explore": "A full screen to try layers on; --web in a browser",
    "list": "Every layer, by family",
    "schema": "The JSON Schema of the reports",
    "version": "Versions of layercli, Python and torch",
}

EXAMPLES = """\
  layercli conv2d --kernel 5 --dilation 2 --input 1,3,16,16
  layercli "conv2d 8 k=5 p=2 s=2 | relu | maxpool2d 2" -i 1,3,32,32"""
