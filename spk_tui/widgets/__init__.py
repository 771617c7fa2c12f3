"""The dashboard's widgets: one file a widget, its looks beside it; each shows what it is given and asks nothing."""
