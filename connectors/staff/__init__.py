"""Who works in the library: roles and what they may do, accounts, and the trail of what was done."""
