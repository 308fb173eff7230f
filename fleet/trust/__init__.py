"""What this program vouches for: releases as they were taken in, and its own user key."""
