// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What forge asks an invariant test: which contract's calls it makes up, which of them, and who makes them
abstract contract OneTarget {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    function target() internal view virtual returns (address);

    /// Named several times, a call is made more often than the rest.
    function calls() internal pure virtual returns (bytes4[] memory);

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = target();
    }

    /// Nobody in particular: a sender that forge picks itself, and funds, may be the contract.
    function targetSenders() external pure returns (address[] memory senders) {
        senders = new address[](1);
        senders[0] = address(0xdead);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(target(), calls());
    }
}
