"""Dead letters: taken over, followed along their journeys, and worked on at the desk."""
