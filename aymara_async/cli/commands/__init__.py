"""The commands, one file each; a command's name is that of its module and of the function in it."""
