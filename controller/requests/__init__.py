"""What ``http`` templates do: one request, and a judgement of its answer."""
