// Digests of the code behind each step. Nextflow hashes a task's script and the executables of bin/ that it calls,
// but never what those import: without this an edited helper would leave stale results in the cache.

// step -> hex SHA-256 over bin/<step>.py and every file of bin/llamaflow that it imports, directly or not.
def codeDigests(project) {
    project.resolve('bin').toFile().listFiles()
        .findAll { script -> script.name.endsWith('.py') }
        .collectEntries { script -> [script.name[0..-4], digestOf(sources([], [script]))] }
}

// All files reachable from `open`, sorted by path; `seen` are those already followed.
def sources(seen, open) {
    def fresh = open.findAll { file -> !seen.contains(file) }.unique()
    fresh ? sources(seen + fresh, fresh.collectMany { file -> imported(file) }) : seen.toSorted { file -> file.path }
}

// Files that one Python source imports from the llamaflow package; a package counts with everything in it.
def imported(file) {
    if (!file.name.endsWith('.py')) {
        return []
    }
    def library = file.path.contains('/bin/llamaflow/') ? new File(file.path.replaceFirst('/bin/llamaflow/.*', '/bin/llamaflow')) : new File(file.parentFile, 'llamaflow')
    file.readLines().collectMany { line ->
        def absolute = (line =~ /^\s*(?:from|import)\s+llamaflow(?:\.([\w.]+))?/)
        def relative = (line =~ /^\s*from\s+(\.+)([\w.]*)\s+import\s+(.*)/)
        if (absolute) {
            return module(library, absolute[0][1])
        }
        if (relative) {
            def dots = relative[0][1].size()
            def folder = dots == 1 ? file.parentFile : dots == 2 ? file.parentFile.parentFile : file.parentFile.parentFile.parentFile
            def names = relative[0][2] ? [relative[0][2]] : relative[0][3].replaceAll('[()]', '').tokenize(',')*.trim()
            return names.collectMany { name -> module(folder, name) }
        }
        []
    }
}

// a.b -> a/b.py with what the package a holds beside sources, or all files of the folder a/b; nothing for another name.
def module(folder, dotted) {
    def path = new File(folder, (dotted ?: '').replace('.', '/'))
    def source = new File(path.path + '.py')
    if (source.file) {
        def beside = allFiles(source.parentFile).findAll { file -> file.name == '__init__.py' || !file.name.endsWith('.py') }
        return [source] + (source.parentFile == folder ? [] : beside)
    }
    path.directory && path != folder ? allFiles(path) : []
}

def allFiles(folder) {
    folder.listFiles().toList().collectMany { file ->
        file.directory ? (file.name == '__pycache__' ? [] : allFiles(file)) : [file]
    }
}

def digestOf(files) {
    def text = files.collect { file -> "${file.name}:${java.util.Base64.encoder.encodeToString(file.bytes)}" }.join('\n')
    java.security.MessageDigest.getInstance('SHA-256').digest(text.bytes).encodeHex().toString().take(16)
}
