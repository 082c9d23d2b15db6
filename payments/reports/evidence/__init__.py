"""One payment told whole: its timeline, its picture, and the proof of it to take away."""
