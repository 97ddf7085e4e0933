"""Places and their weather, from Open-Meteo (https://open-meteo.com/en/docs)."""
