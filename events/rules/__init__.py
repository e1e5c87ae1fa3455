"""What a sensor decides: filters, conditions, parameters. Pure: the same event and state always give the same decision."""
