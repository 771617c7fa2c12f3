"""The terminal side: commands, plain displays and the dashboard. It reads run directories and never trains."""
