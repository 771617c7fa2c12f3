"""The dashboard's screens: one file a screen, each composing widgets and turning keys into requests."""
