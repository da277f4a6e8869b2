// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title A source of randomness that nobody knows when it is asked for
interface IDraw {
    enum DrawStatus {
        None, // never asked for
        Pending,
        Ready,
        Failed // for ever: ask again
    }

    event RoundRequested(uint256 indexed round, uint256 begin, uint256 end);

    error NotAsker(address sender);

    /// @notice Asks for randomness. Requests of one moment may share a round: derive what you need from it by hashing
    /// with a number of your own. Only for the contract that was named at deployment.
    /// @return round From 1
    function request() external returns (uint256 round);

    /// @notice The randomness of a round; zero unless it is ready.
    function randomness(uint256 round) external view returns (DrawStatus status, bytes32 random);

    /// @notice The most seconds from a request until its round is ready or has failed.
    function longestTime() external view returns (uint256);
}
