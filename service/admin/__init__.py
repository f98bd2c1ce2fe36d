"""What operators may change: stations, cards, plates, money, fuellings, dispensers and the rules of typed plates."""
