"""How the explorer is laid out: panes side by side on a wide screen, one beside the list on a narrow one."""

STYLE = """
Screen { layers: base; }
.pane { border-top: solid $primary 60%; border-title-color: $text-accent; }
.pane:focus-within { border-top: solid $accent; border-title-style: bold; }
.pane:focus { border-top: solid $accent; border-title-style: bold; }
#body { height: 1fr; }
#layers { width: 30; height: 1fr; }
#layers Input { border: none; height: 1; padding: 0 1; background: $surface; }
#layers Input:focus { background: $boost; }
#layers OptionList { height: 1fr; border: none; padding: 0; background: transparent; scrollbar-size-vertical: 1; }
#layers OptionList { text-wrap: nowrap; text-overflow: ellipsis; }
#names > .option-list--option-disabled { color: $text-muted; }
#work { width: 1fr; height: 1fr; border-left: solid $primary 30%; }
#top { height: 1fr; }
#middle { width: 6fr; height: 1fr; }
#keys { height: auto; max-height: 45%; scrollbar-size-vertical: 1; }
Sheet { overflow-x: hidden; scrollbar-gutter: stable; }
#tabs { display: none; height: 1; padding: 0 1; }
#tabs Static { width: auto; padding: 0 1; color: $text-muted; }
#tabs .-front { background: $primary; color: $text; text-style: bold; }
#result { height: 1fr; padding: 0 1; scrollbar-size: 1 1; }
#picture { width: 5fr; height: 1fr; padding: 0 1; scrollbar-size: 1 1; }
#design { height: 30%; min-height: 6; }
#design DataTable { height: 1fr; background: transparent; scrollbar-size: 1 1; }
#totals { height: auto; max-height: 5; padding: 0 1; }

KeyField { height: 1; padding: 0 1; }
KeyField .name { color: $text-muted; text-style: none; }
KeyField .value { width: 1fr; height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
KeyField Input { width: 1fr; height: 1; border: none; padding: 0; background: $boost; display: none; }
KeyField:focus { background: $block-cursor-background 25%; }
KeyField:focus .name { color: $accent; text-style: bold; }
KeyField.-editing .value { display: none; }
KeyField.-editing Input { display: block; }

.-wide #picture { border-left: solid $primary 30%; }
.-narrow #layers { width: 23; }
.-narrow #top { layout: vertical; }
.-narrow #middle { width: 100%; height: auto; max-height: 12; }
.-narrow #tabs { display: block; }
.-narrow #keys { max-height: 9; }
.-narrow #result, .-narrow #picture, .-narrow #design { display: none; width: 100%; height: 1fr; }
.-narrow #result, .-narrow #picture { border: none; }
.-narrow.-design #top { height: auto; }
.-narrow.-result #middle { height: 1fr; max-height: 100%; }
.-narrow.-result #result, .-narrow.-picture #picture, .-narrow.-design #design { display: block; }

ModalScreen { align: center middle; background: $background 60%; }
.dialog {
    width: 66; max-width: 94%; height: auto; max-height: 94%; padding: 1 2;
    border: round $accent; background: $surface;
}
.dialog Input { border: none; height: 1; padding: 0 1; margin: 1 0; background: $boost; }
.dialog .wrong { color: $text-error; height: auto; }
.dialog .hint { color: $text-muted; height: auto; }
.dialog OptionList { height: auto; border: none; margin: 1 0 0 0; background: transparent; }
#help { width: 84; }
#help VerticalScroll { height: auto; max-height: 42; }
"""
